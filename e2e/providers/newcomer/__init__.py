"""A site of somebody who has read the README's installation and nothing else."""
