/** The name of the output that `GET /uploads/{id}/processed` returns. */
export const MAIN_OUTPUT = 'main'

/** Maximum length of an output's name, in ASCII characters. */
export const MAX_OUTPUT_NAME = 64

/** The names of outputs, as a regular expression. A name is part of an object key and of a URL. */
export const OUTPUT_NAME_PATTERN = `^[A-Za-z0-9][A-Za-z0-9._-]{0,${MAX_OUTPUT_NAME - 1}}$`
