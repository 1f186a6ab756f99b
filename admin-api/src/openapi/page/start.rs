//! What somebody needs before the first request: guides, addresses, keys and a token.

use std::fmt::{Result, Write};

use super::html::{on_one_line, prose};

/// How an admin gets what the calls below read. `read` comes last: it would read the next line that is pasted.
const DEPLOYED: &str = "API=$(cargo xtask addresses --env stage | jq -r '.\"admin-api\"')
TOKEN=$(cargo xtask token --env stage)
read -rs ADMIN_API_KEY";

/// The same on the admin's own machine.
const LOCAL: &str = "C=$(cargo xtask credentials)
API=$(jq -r .adminApiUrl <<<\"$C\") ADMIN_API_KEY=$(jq -r .adminApiKey <<<\"$C\") TOKEN=$(jq -r .adminJwt <<<\"$C\")";

pub(super) fn write(page: &mut String) -> Result {
    writeln!(
        page,
        "<p>For programs: <a href=\"openapi.json\">openapi.json</a>, \
         <a href=\"event-types\">event-types</a>, \
         <a href=\"partner-webhooks.openapi.json\">partner-webhooks.openapi.json</a>. \
         Guides: for partners, the portal's <code>/guide</code>; for admins, <code>docs/admins.md</code> beside the source.</p>"
    )?;
    writeln!(page, "<h2 id=\"start\">Before the first request</h2>")?;
    for (about, commands) in [
        (
            "An admin sends the key of the environment and a token. `cargo xtask token` signs you in at Auth0 in a browser, with \
             your verified address at smartphonekey.com, and prints a token that is good for an hour:",
            DEPLOYED,
        ),
        ("On your own machine, while `cargo xtask dev` runs:", LOCAL),
        ("A partner sends the API key that was shown when it was issued:", "read -rs API_KEY"),
    ] {
        writeln!(page, "<p>{}</p><pre>{}</pre>", prose(about), on_one_line(commands))?;
    }
    writeln!(
        page,
        "<p>{}</p>",
        prose(
            "The calls below run in bash and zsh. An answer of 429 has `Retry-After`: wait so many seconds. After 503 try \
             again, too. A POST with an `Idempotency-Key` may be repeated for 24 hours."
        )
    )
}
