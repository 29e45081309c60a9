"""What a person sees. rich lives here and only here."""
