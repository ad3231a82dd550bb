"""What ``postfix attach`` changes in Postfix's configuration, and how ``detach`` takes exactly that back."""
