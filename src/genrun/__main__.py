"""`python -m genrun`"""

from genrun.cli import main

main()
