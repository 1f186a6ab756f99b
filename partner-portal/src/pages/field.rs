//! Fields of forms.

/// A field of a form, as a page shows it.
pub struct Field {
    /// The text in the field.
    pub value: String,
    /// Whether the text is the person's own, which the page has to show them again.
    pub typed: bool,
    /// What is wrong with the text: a sentence.
    pub fault: Option<String>,
    /// A text that the person may have meant, which one button takes over.
    pub offer: Option<String>,
}

/// The name of the button that takes over what a page offers in place of what was typed.
pub const OFFER_FIELD: &str = "offered";

impl Field {
    /// A field with this text and no fault.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), typed: false, fault: None, offer: None }
    }

    /// Shows again what the person typed before, if anything.
    pub fn restore(&mut self, typed: Option<&str>) {
        if let Some(typed) = typed {
            typed.clone_into(&mut self.value);
            self.typed = true;
        }
    }

    /// The same field with a fault, if there is one: either a sentence, or `must be …`, which `label` completes.
    #[must_use]
    pub fn with_fault(self, label: &str, fault: Option<String>) -> Self {
        let is_whole = |fault: &str| fault.ends_with(['.', '?']);
        let sentence = |fault: String| if is_whole(&fault) { fault } else { format!("{label} {fault}.") };
        Self { typed: true, fault: fault.map(sentence), ..self }
    }

    /// The same field with a text that the person may have meant.
    #[must_use]
    pub fn with_offer(self, offer: Option<String>) -> Self {
        Self { offer, ..self }
    }
}
