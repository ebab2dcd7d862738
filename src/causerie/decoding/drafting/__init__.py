"""Tokens that are proposed before the model has drawn them: the contract, and one drafter a file."""
