//! Looks at a page as different people see it: on a phone and on a wide screen, light and dark, and with axe-core.

use std::fs;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::workspace::root;
use serde_json::{Value, json};

use super::Browser;

const WIDTHS: [u32; 2] = [390, 1280];
const SCHEMES: [&str; 2] = ["light", "dark"];
/// The part of a long page that is photographed, in pixels from its top.
const LONGEST: f64 = 4000.0;

static AXE: LazyLock<String> = LazyLock::new(|| {
    let path = root().join("node_modules/axe-core/axe.min.js");
    fs::read_to_string(path).expect("axe-core: run `cargo xtask setup`")
});

/// Runs every rule of axe-core that stands for WCAG 2.2 AA, and its advice.
const RUN: &str = r#"
const [done] = arguments;
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
axe.run(document, { runOnly: { type: "tag", values: tags }, resultTypes: ["violations"] }).then(
  ({ violations }) => done(violations.map(({ id, help, nodes }) => ({
    id, help, nodes: nodes.map((node) => node.html.slice(0, 200) + " " + node.failureSummary),
  }))),
  (error) => done([String(error)]));
"#;

/// The names that a screen reader reads out for two links to different places, or for two buttons.
const AMBIGUOUS: &str = r#"
const places = new Map(), ambiguous = [];
for (const one of document.querySelectorAll("a[href], button, summary")) {
  if (!one.checkVisibility()) continue;
  const name = (one.getAttribute("aria-label") ?? one.textContent).trim().replace(/\s+/g, " ").toLowerCase();
  const place = one.href ?? one;
  if (places.has(name) && places.get(name) !== place) ambiguous.push(name);
  places.set(name, place);
}
return ambiguous;
"#;

impl Browser {
    /// Photographs the page that is open into `target/screenshots/<page>-<state>-<width>-<scheme>.png`, and fails
    /// where the page is wider than the screen, links or buttons share a name, or axe-core finds a fault.
    pub async fn look(&self, name: &str) {
        for width in WIDTHS {
            let screen = json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": false});
            self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
            for scheme in SCHEMES {
                let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
                self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await;
                self.photograph(&format!("{name}-{width}-{scheme}")).await;
                self.assert_accessible(&format!("{name} at {width}, {scheme}")).await;
            }
            let ambiguous = self.script(AMBIGUOUS, vec![]).await;
            assert_eq!(ambiguous, json!([]), "{name}: links and buttons that share a name");
            let wider = "const { scrollWidth, clientWidth } = document.documentElement; return scrollWidth - clientWidth";
            assert_eq!(self.script(wider, vec![]).await, 0, "{name} is wider than {width}");
        }
    }

    async fn photograph(&self, name: &str) {
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let size = |side: &str| metrics["cssContentSize"][side].as_f64().unwrap();
        let clip = json!({
            "x": 0, "y": 0, "scale": 1, "width": size("width"), "height": size("height").min(LONGEST),
        });
        let wanted =
            json!({"format": "png", "captureBeyondViewport": true, "optimizeForSpeed": true, "clip": clip});
        let taken = self.devtools("Page.captureScreenshot", wanted).await;
        let folder = root().join("target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        let png = STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    async fn assert_accessible(&self, what: &str) {
        if self.script("return typeof axe", vec![]).await == "undefined" {
            let _ = self.script(&AXE, vec![]).await;
        }
        let found = self.driver.execute_async(RUN, vec![]).await.unwrap();
        let found: &Value = found.json();
        assert_eq!(found, &json!([]), "{what}: {found:#}");
    }
}
