"""From plans to bytes: files, cloud-config, user-data. Pure; nothing is written here."""
