import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Corpus, CorpusItem } from './corpus.ts'

/**
 * Names that are rejected on purpose: paths, control characters, line separators, bidirectional controls, and only
 * blanks.
 */
const UNSAFE = /[/\\\p{Cc}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|^\.{1,2}$|^\s*$/u

const MAX_BYTES = 1_024

export const names: Corpus = {
  name: 'names',
  reader: 'the name as it was sent; a name that could be a path, or that deceives, may be refused',
  packages: [{ registry: 'npm', name: 'big-list-of-naughty-strings', version: '1.0.0' }],
  async load([root = '']) {
    const strings = JSON.parse(readFileSync(path.join(root, 'blns.json'), 'utf8')) as string[]
    return strings.filter(string => string.isWellFormed()).map(toItem)
  },
}

function toItem(filename: string, index: number): CorpusItem {
  const body = Buffer.from(`content of name ${index}`)
  const isSafe = !UNSAFE.test(filename) && Buffer.byteLength(filename) <= MAX_BYTES
  return {
    name: `${index}: ${JSON.stringify(filename)}`,
    send: { filename, contentType: 'text/plain', body },
    expected: isSafe ? { kind: 'files', files: [{ filename, bytes: body }] } : { kind: 'unreadable' },
  }
}
