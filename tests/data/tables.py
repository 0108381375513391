"""Helpers for tables in tests."""


def history(table, user):
    """Item ids of a user in time order."""
    code = table.user_ids.tolist().index(user)
    return table.item_ids[table.item_codes[table.user_codes == code]].tolist()


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path
