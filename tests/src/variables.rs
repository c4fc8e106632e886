//! Variables of the functions that only one test has.

/// They are taken away when this is dropped.
pub struct Variables {
    endpoint: String,
    names: Vec<String>,
}

impl Variables {
    /// Gives them to every function of the stack at `endpoint`.
    pub(crate) fn set(endpoint: &str, variables: &[(&str, &str)]) -> Variables {
        let names = variables.iter().map(|(name, _)| (*name).to_owned()).collect();
        let set = Variables { endpoint: endpoint.to_owned(), names };
        set.write(variables.iter().map(|(name, value)| format!("{name}={value}")).collect());
        set
    }

    fn write(&self, variables: Vec<String>) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/variables.py");
        let arguments: Vec<&str> =
            [&self.endpoint].into_iter().chain(&variables).map(String::as_str).collect();
        shopflow_testkit::python(script.as_ref(), &arguments);
    }
}

impl Drop for Variables {
    fn drop(&mut self) {
        self.write(self.names.iter().map(|name| format!("{name}=")).collect());
    }
}
