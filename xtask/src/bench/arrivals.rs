//! The times at which events arrive at a side's endpoint.
use std::collections::{HashMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local::clock;
use local::endpoint::Endpoint;
use serde::Deserialize;

/// How long the last event may take to arrive. Neither side retries within it.
const LIMIT: Duration = Duration::from_secs(20);
/// Between two looks at what has arrived. Times of arrival are exact all the same, because the endpoint notes them.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until each of these events has come to each of these paths. Returns when the last of them came.
pub(super) fn last_arrival(endpoint: &Endpoint, ids: &[String], paths: &[String]) -> Result<Instant> {
    let arrived = arrivals(endpoint, ids, paths)?;
    arrived.into_values().max().context("nothing was to arrive")
}

/// Waits until each of these events has come to each of these paths. Returns when each came to the path where it came last.
pub(super) fn arrivals(
    endpoint: &Endpoint,
    ids: &[String],
    paths: &[String],
) -> Result<HashMap<String, Instant>> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
    }
    let all = paths.iter().flat_map(|path| ids.iter().map(move |id| (path.as_str(), id.clone())));
    let mut missing: HashSet<(&str, String)> = all.collect();
    let mut arrived = HashMap::new();
    let deadline = clock::now() + LIMIT;
    loop {
        for path in paths {
            for request in endpoint.take(path) {
                let Event { id } = serde_json::from_slice(&request.body).context("no event arrived")?;
                // An id that is not missing is of an event that came twice, which neither side rules out.
                if missing.remove(&(path.as_str(), id.clone())) {
                    let last = arrived.entry(id).or_insert(request.at);
                    *last = request.at.max(*last);
                }
            }
        }
        if missing.is_empty() {
            return Ok(arrived);
        }
        if clock::now() > deadline {
            bail!("{} events did not arrive within {} s", missing.len(), LIMIT.as_secs());
        }
        sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use local::client::Client;
    use serde_json::json;

    use super::*;

    #[test]
    fn arrivals_are_waited_for_by_path_and_id() {
        let endpoint = Endpoint::start().unwrap();
        let client = Client::new(&endpoint.url(""));
        let before = clock::now();
        for (path, id) in [("/a", "1"), ("/b", "1"), ("/a", "1"), ("/a", "2"), ("/b", "2")] {
            assert_eq!(client.post(path, &json!({"id": id, "detail": {}})).unwrap().status, 200);
        }
        let names = |names: [&str; 2]| names.map(str::to_owned);
        let last = last_arrival(&endpoint, &names(["1", "2"]), &names(["/a", "/b"])).unwrap();
        assert!(before < last && last < clock::now());
    }
}
