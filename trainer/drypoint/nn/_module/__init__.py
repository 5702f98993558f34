"""What a module is: its arrays, its ports, its forward pass, its gradients."""
