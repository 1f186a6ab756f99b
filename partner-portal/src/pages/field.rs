//! Fields of forms.

/// A field of a form, as a page shows it.
pub struct Field {
    /// The text in the field.
    pub value: String,
    /// What is wrong with the text: a sentence.
    pub fault: Option<String>,
}

impl Field {
    /// A field with this text and no fault.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), fault: None }
    }

    /// The same field with a fault, if there is one: either a sentence, or `must be …`, which `label` completes.
    #[must_use]
    pub fn with_fault(self, label: &str, fault: Option<String>) -> Self {
        let sentence = |fault: String| if fault.ends_with('.') { fault } else { format!("{label} {fault}.") };
        Self { fault: fault.map(sentence), ..self }
    }
}
