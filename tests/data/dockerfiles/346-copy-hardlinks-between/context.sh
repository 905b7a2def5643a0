mkdir one two; echo x >one/f; ln one/f two/g
