//! The code that verifies a signature, in four languages: `docs/verify`, which the tests of `shared` run.

/// A file with code.
pub struct Snippet {
    /// The language, or what the file is.
    pub language: &'static str,
    /// The name of the file.
    pub file: &'static str,
    /// The id of the place on a page.
    pub id: &'static str,
    /// The content of the file.
    pub text: &'static str,
}

/// The code in each language.
pub const SNIPPETS: [Snippet; 4] = [
    Snippet {
        language: "Node",
        file: "verify.mjs",
        id: "verify-mjs",
        text: include_str!("../../docs/verify/verify.mjs"),
    },
    Snippet {
        language: "Python",
        file: "verify.py",
        id: "verify-py",
        text: include_str!("../../docs/verify/verify.py"),
    },
    Snippet {
        language: "Go",
        file: "verify.go",
        id: "verify-go",
        text: include_str!("../../docs/verify/verify.go"),
    },
    Snippet {
        language: "Rust",
        file: "verify.rs",
        id: "verify-rs",
        text: include_str!("../../docs/verify/verify.rs"),
    },
];

/// A request to test such code with.
pub const VECTOR: Snippet = Snippet {
    language: "A request to test with",
    file: "vector.json",
    id: "vector-json",
    text: include_str!("../../docs/verify/vector.json"),
};
