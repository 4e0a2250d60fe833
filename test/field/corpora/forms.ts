import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Corpus, Expected, ExpectedFile } from './corpus.ts'

export const forms: Corpus = {
  name: 'forms',
  reader: 'the expectation beside each body of python-multipart',
  packages: [{ registry: 'pypi', name: 'python-multipart', version: '0.0.34' }],
  async load([root = '']) {
    const folder = path.join(root, 'tests/test_data/http')
    return globSync('*.http', { cwd: folder })
      .sort()
      .map(name => {
        const { boundary, expected } = parseExpectation(
          readFileSync(path.join(folder, name.replace('.http', '.yaml')), 'utf8'),
        )
        const contentType = `multipart/form-data; boundary="${boundary}"`
        return { name, send: { contentType, body: readFileSync(path.join(folder, name)) }, expected }
      })
  },
}

/**
 * Reads the few kinds of YAML lines in these files. The api rejects a form without a file, because all of its uploads
 * are files.
 */
export function parseExpectation(yaml: string): { boundary: string; expected: Expected } {
  const boundary = /^boundary: (.*)$/m.exec(yaml)?.[1]?.trim() ?? ''
  const parts = yaml.split(/^ +- name: /m).slice(1)
  const files = parts.filter(part => /^ +type: file$/m.test(part)).map(fileOf)
  const isRefused = /^ +error: \d+$/m.test(yaml) || files.length === 0
  return { boundary, expected: isRefused ? { kind: 'unreadable' } : { kind: 'files', files } }
}

function fileOf(part: string): ExpectedFile {
  const filename = unquoted(/^ +file_name: (.*)$/m.exec(part)?.[1]?.trim() ?? '')
  const base64 = /^ +data: !!binary \|\n((?: +\S+\n?)+)/m.exec(part)?.[1]
  const plain = unquoted(/^ +data: (.*)$/m.exec(part)?.[1]?.trim() ?? '')
  return {
    filename,
    bytes: base64 === undefined ? Buffer.from(plain) : Buffer.from(base64.replace(/\s/g, ''), 'base64'),
  }
}

function unquoted(value: string): string {
  return value.replace(/^(['"])(.*)\1$/, '$2')
}
