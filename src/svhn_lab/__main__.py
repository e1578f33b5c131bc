"""`python -m svhn_lab`: the form that dvc.yaml uses."""

from svhn_lab.cli import main

if __name__ == "__main__":
    main()
