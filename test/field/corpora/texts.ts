import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Corpus, CorpusItem } from './corpus.ts'
import { type PythonAnswer, readWithPython } from './python-reader.ts'

/** A text with its encoding's name in the corpus. */
interface LabelledText {
  readonly name: string
  readonly file: string
  readonly label: string
}

/** Python's codecs for labels of the Encoding Standard: Windows' code pages, as in browsers. */
const CODECS: Readonly<Record<string, string>> = {
  ascii: 'utf-8',
  utf_8: 'utf-8-sig',
  'utf-8': 'utf-8-sig',
  big5: 'cp950',
  gb2312: 'gbk',
  'euc-kr': 'cp949',
  shift_jis: 'cp932',
  'tis-620': 'cp874',
  'iso-8859-1': 'cp1252',
  'iso-8859-9': 'cp1254',
  maccyrillic: 'mac_cyrillic',
  macroman: 'mac_roman',
}

/** Encodings that the Encoding Standard excludes: browsers do not decode them. */
const NOT_FOR_BROWSERS = /^(?:euc-tw|ibm855|johab|utf-32(?:be|le)?|iso-2022-kr)$/

/** Characters for which Python's EUC-JP and ISO-2022-JP follow JIS X 0208, and browsers follow Windows. */
const AS_WINDOWS: Readonly<Record<string, string>> = {
  '\u301c': '\uff5e',
  '\u2016': '\u2225',
  '\u2212': '\uff0d',
  '\u00a2': '\uffe0',
  '\u00a3': '\uffe1',
  '\u00ac': '\uffe2',
}

export const texts: Corpus = {
  name: 'texts',
  reader: 'Python’s codecs, by the encoding that the corpus names',
  packages: [
    { registry: 'pypi', name: 'chardet', version: '5.2.0' },
    { registry: 'pypi', name: 'charset-normalizer', version: '3.5.3' },
  ],
  async load([chardet = '', normalizer = '']) {
    const files = [...inFolders(path.join(chardet, 'tests')), ...inTests(normalizer)]
    const answers = await readWithPython(
      files.map(({ file, label }) => ({ read: 'text', path: file, codec: codecOf(label) })),
    )
    return files.map((text, index) => toItem(text, answers[index] ?? null))
  },
}

/** The folders of chardet's tests are named after encodings, some with a language, such as `iso-8859-2-czech`. */
function inFolders(tests: string): LabelledText[] {
  return readdirSync(tests, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && !entry.name.startsWith('__'))
    .flatMap(({ name: folder }) => {
      const label = folder.replace(/^((?:iso-8859|windows)-\d+)-\w+$/i, '$1')
      const names = readdirSync(path.join(tests, folder)).filter(name => !name.endsWith('.py'))
      return names.map(name => ({ name: `${folder}/${name}`, file: path.join(tests, folder, name), label }))
    })
}

/** charset-normalizer's tests name the encoding of each sample. */
function inTests(root: string): LabelledText[] {
  const tests = readFileSync(path.join(root, 'tests/test_full_detection.py'), 'utf8')
  return [...tests.matchAll(/\("(sample-[^"]+)", "([^"]+)"/g)].map(([, name = '', label = '']) => ({
    name,
    file: path.join(root, 'data', name),
    label,
  }))
}

function codecOf(label: string): string {
  return CODECS[label.toLowerCase()] ?? label
}

function toItem({ name, file, label }: LabelledText, answer: PythonAnswer | null): CorpusItem {
  const isKnown = answer?.text !== undefined && !NOT_FOR_BROWSERS.test(label.toLowerCase())
  const isJis = /^(?:euc-jp|iso-2022-jp)$/i.test(label)
  const text = (answer?.text ?? '').replace(/^\ufeff/, '')
  const known = isJis ? text.replace(/[\u301c\u2016\u2212\xa2\xa3\xac]/g, found => AS_WINDOWS[found] ?? found) : text
  return {
    name,
    send: { filename: 'text.txt', contentType: `text/plain; charset=${label}`, body: readFileSync(file) },
    expected: isKnown ? { kind: 'text', text: known.toUpperCase() } : { kind: 'unreadable' },
  }
}
