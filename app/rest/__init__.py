"""The REST API by noun: each module holds the routes of one, `problem` the errors, `strict` what a body may be, `who` whose key it is."""
