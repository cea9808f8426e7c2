"""wandb's path of its integrations with other libraries."""
