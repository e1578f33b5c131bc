"""svhn-lab: small convolutional networks and transfer learning on SVHN, rebuilt by one command."""

__version__ = "0.1.0"
