"""What every other package uses: types, protocols, errors, keyed noise, formatting."""
