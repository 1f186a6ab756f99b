//! Values that no setting may have, for the Workers' tests of their configurations.

/// Blank, or standing where a value was forgotten; each as long as a secret.
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

/// Too short for a secret, or not fit for a header.
pub const UNFIT_SECRETS: [&str; 4] = [
    "0123456789abcdef0123456789abcde",
    " 0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef\n",
    "0123456789abcdef\u{e9}0123456789abcdef",
];

/// Not standard base64 of exactly 32 bytes.
pub const UNFIT_SEALING_KEYS: [&str; 5] = [
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA==",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    "-_gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=",
];
