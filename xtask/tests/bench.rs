//! The bench measures every operation. The test needs the built Workers: `cargo xtask test` runs it after the release build.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use xtask::bench::{Extent, measure};

#[test]
#[ignore = "needs the built Workers; `cargo xtask test` runs it"]
fn every_operation_is_measured_on_all_sides() {
    let report = measure(&Extent::brief(), None).unwrap();
    println!("{}", report.text());
    let report = report.json();
    let operations = report["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 15);
    for operation in operations {
        for side in ["ours", "theirs"] {
            let rounds = operation[side].as_array().unwrap();
            assert!(rounds.len() == 1 && rounds[0].as_f64().unwrap() > 0.0, "{operation}");
        }
        assert!(
            operation["wanted"].is_f64() && operation["conclusive"] == false,
            "one round concludes nothing: {operation}"
        );
        let cost = &operation["cost"]["d1RoundTrips"];
        let is_fresh = operation["operation"] == "first answer of a fresh isolate";
        let is_counted = !is_fresh && operation["rival"] != "ownRead";
        assert!(if !is_counted { cost.is_null() } else { cost.as_f64().unwrap() <= 2.0 }, "{operation}");
        assert_eq!(operation["beside"].is_array(), operation["rival"] == "floor" || is_fresh, "{operation}");
    }
    assert_eq!(report["sizes"].as_array().unwrap().len(), 4);
    let growth = report["growth"].as_array().unwrap();
    assert_eq!(growth.len(), 8);
    for row in growth {
        let rows = |fleet: &str| row[fleet].as_f64().unwrap();
        assert!(rows("small") > 0.0 && rows("large") <= rows("small") * 1.1, "{row}");
    }
}
