"""svhn-lab: small convolutional networks and transfer learning on SVHN, rebuilt by one command."""
