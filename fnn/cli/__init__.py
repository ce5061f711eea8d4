"""The programs, one file each; bin/* and the installed commands start them."""
