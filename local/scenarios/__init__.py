"""What a contact center would do: scenarios played through the production matcher, in no time."""
