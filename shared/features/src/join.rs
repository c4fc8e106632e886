//! Values of views beside rows that ask, as of their moment.
