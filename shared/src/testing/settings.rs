//! Values that no setting may have, for the Workers' tests of their configurations.

/// Blanks and placeholders, as they stand where a value was forgotten; the latter are as long as a secret.
pub const PLACEHOLDERS: [&str; 15] = [
    "",
    " ",
    "\t\n",
    "changeme-changeme-changeme-changeme-changeme",
    "CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME",
    "change_me_change_me_change_me_change_me_",
    "placeholder-placeholder-placeholder-pl",
    "replace-me-with-a-secret-of-32-characters",
    "Todo-todo-todo-todo-todo-todo-todo-todo",
    "<the value from doppler, 32 characters>",
    "${THE_VALUE_FROM_SOMEWHERE_ELSE_ENTIRELY}",
    "{{the-value-from-somewhere-else-entirely}}",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "your-secret-goes-here-your-secret-goes-here",
    "example-example-example-example-example",
];

/// Texts that are too short for a secret, or unfit for a header.
pub const UNFIT_SECRETS: [&str; 4] = [
    "0123456789abcdef0123456789abcde",
    " 0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef\n",
    "0123456789abcdef\u{e9}0123456789abcdef",
];

/// Texts that are not standard base64 of exactly 32 bytes.
pub const UNFIT_SEALING_KEYS: [&str; 5] = [
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA==",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    "-_gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=",
];
