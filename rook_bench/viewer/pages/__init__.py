"""The pages: what each one shows of what lies in the folders."""
