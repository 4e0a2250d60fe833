import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Corpus, CorpusItem, Expected } from './corpus.ts'
import { type PythonAnswer, readWithPython } from './python-reader.ts'

export const tables: Corpus = {
  name: 'tables',
  reader: 'Python’s csv.reader with the dialect that csv.Sniffer finds',
  packages: [
    { registry: 'pypi', name: 'csvkit', version: '2.2.0' },
    { registry: 'pypi', name: 'agate', version: '1.14.2' },
    { registry: 'npm', name: 'csv-spectrum', version: '2.0.0' },
  ],
  async load(folders) {
    const files = folders.flatMap(folder =>
      globSync('**/*.{csv,tsv}', { cwd: folder }).map(file => path.join(folder, file)),
    )
    const answers = await readWithPython(files.map(file => ({ read: 'table', path: file })))
    return files.map((file, index) => toItem(file, answers[index] ?? null))
  },
}

function toItem(file: string, answer: PythonAnswer | null): CorpusItem {
  const charset = answer?.codec === 'cp1252' ? '; charset=windows-1252' : ''
  const send = { filename: path.basename(file), contentType: `text/csv${charset}`, body: readFileSync(file) }
  const name = file.split(path.sep).slice(-4).join('/')
  return { name, send, expected: answer?.rows ? expectedOf(answer.rows) : { kind: 'unreadable' } }
}

/**
 * Returns the rows below the header that have as many fields as the header. A table with only other rows may be
 * rejected, or its rows repaired.
 */
function expectedOf(all: readonly (readonly string[])[]): Expected {
  const [header, ...rest] = all.filter(row => row.length > 0)
  const rows = rest.filter(row => row.length === header?.length).map(filled)
  return { kind: 'rows', rows, mayBeRefused: rows.length === 0 && rest.length > 0 }
}

/** Returns the non-empty values of a row in an order that does not depend on the names of its columns. */
export function filled(values: readonly unknown[]): string[] {
  return values
    .filter(value => value !== '' && value !== null)
    .map(String)
    .sort()
}
