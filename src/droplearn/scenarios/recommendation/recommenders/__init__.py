"""The kinds of models: each turns histories (users by items) into scores of all items. numpy and scipy; nothing of files or time."""
