"""Models of this machine and of the hub, for whoever chooses one on the page: looked up and downloaded."""
