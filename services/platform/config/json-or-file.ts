import { readFileSync } from 'node:fs'
import path from 'node:path'
import { ConfigurationError } from '../errors.ts'

export interface JsonOrFile {
  value: unknown
  /** The folder of the file, or `cwd` for JSON in the variable. Relative paths in the value start here. */
  folder: string
}

/**
 * Reads a variable that has JSON, or the path of a JSON file. Not for values that may be secret: its errors show the text.
 *
 * @throws ConfigurationError
 */
export function readJsonOrFile(variable: string, text: string, cwd = process.cwd()): JsonOrFile {
  const isInline = /^\s*[{[]/.test(text)
  const file = path.resolve(cwd, text)
  return isInline
    ? { value: parse(variable, text, 'its value'), folder: cwd }
    : { value: parse(variable, readText(variable, file), file), folder: path.dirname(file) }
}

function readText(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw fault(variable, `is neither JSON nor a file that can be read: ${file} (${code})`)
  }
}

function parse(variable: string, json: string, what: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw fault(variable, `${what} is not JSON: ${cause instanceof Error ? cause.message : cause}`)
  }
}

function fault(variable: string, problem: string): ConfigurationError {
  return new ConfigurationError([{ variable, problem }])
}
