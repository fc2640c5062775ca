"""A strict walker of a synthesised CloudFormation template: applied, recorded as not emulated, or an error."""
