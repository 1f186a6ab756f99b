//! The bench measures every operation. The test needs the built Workers: `cargo xtask test` runs it after the release build.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use xtask::bench::{Extent, measure};

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn every_operation_is_measured_on_both_sides() {
    let report = measure(&Extent::brief()).unwrap().json();
    let operations = report["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 7);
    for operation in operations {
        for side in ["ours", "baseline"] {
            let rounds = operation[side].as_array().unwrap();
            assert!(rounds.len() == 1 && rounds[0].as_f64().unwrap() > 0.0, "{operation}");
        }
        assert!(operation["cost"]["d1RoundTrips"].as_f64().unwrap() <= 2.0, "{operation}");
    }
    let growth = report["growth"].as_array().unwrap();
    assert_eq!(growth.len(), 2);
    for row in growth {
        let rows = |fleet: &str| row[fleet].as_f64().unwrap();
        assert!(rows("small") > 0.0 && rows("large") <= rows("small") * 1.1 + 1.0, "{row}");
    }
}
