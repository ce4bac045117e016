"""What is looked for, one file a subject: rules as data, and the functions that find where they are broken."""
