import sharp from 'sharp'
import type { Expected, ExpectedFile } from './corpus.ts'
import { sampleOf } from './images.ts'
import { filled } from './tables.ts'

/** The result of an item. */
export type Outcome =
  /** Rejected by the api or by the transform. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'processed'; readonly files: readonly ProcessedFile[] }
  /** A response of 5xx, no response, or no end. */
  | { readonly kind: 'crash'; readonly reason: string }

export interface ProcessedFile {
  readonly filename: string
  readonly transform: string
  readonly stored: Buffer
  readonly output: Buffer
}

export const verdicts = ['right', 'refused', 'refused wrongly', 'silently wrong', 'crash'] as const
export type Verdict = (typeof verdicts)[number]

export interface Judgement {
  readonly verdict: Verdict
  /** What is wrong, or why it was rejected. */
  readonly detail: string
}

/**
 * The mean difference of pixels from which two pictures count as different. Codecs and colour profiles differ by less.
 */
const MAX_PIXEL_DIFFERENCE = 40

/** Compares the result of an item with that of an independent reader. */
export async function judge(expected: Expected, outcome: Outcome): Promise<Judgement> {
  if (outcome.kind === 'crash') return { verdict: 'crash', detail: outcome.reason }
  if (outcome.kind === 'refused') {
    const mayBe = expected.kind === 'unreadable' || (expected.kind === 'rows' && expected.mayBeRefused)
    return { verdict: mayBe ? 'refused' : 'refused wrongly', detail: outcome.reason }
  }
  const fault = await faultIn(expected, outcome.files)
  return fault === undefined ? { verdict: 'right', detail: '' } : { verdict: 'silently wrong', detail: fault }
}

async function faultIn(expected: Expected, files: readonly ProcessedFile[]): Promise<string | undefined> {
  const [first] = files
  if (!first) return 'nothing was accepted'
  switch (expected.kind) {
    case 'unreadable':
      // A digest is right for any bytes.
      if (first.transform === 'digest') return undefined
      return expected.text === undefined
        ? `${first.transform} made something of what cannot be read`
        : textFault(expected.text, first.output.toString())
    case 'text':
      return textFault(expected.text, first.output.toString())
    case 'rows':
      return first.transform === 'csv-to-ndjson' ? rowsFault(expected.rows, first.output.toString()) : first.transform
    case 'image':
      return first.transform === 'image' ? imageFault(expected, first.output) : `the transform was ${first.transform}`
    case 'files':
      return filesFault(expected.files, files)
  }
}

function textFault(expected: string, found: string): string | undefined {
  if (expected === found) return undefined
  const at = [...expected].findIndex((character, index) => character !== [...found][index])
  return `from character ${at} on ${JSON.stringify(found.slice(at, at + 20))}, not ${JSON.stringify(expected.slice(at, at + 20))}`
}

/**
 * Every row of the reader must be present, in its order. Rows of another length may be present too, or be reported as
 * bad.
 */
function rowsFault(expected: readonly (readonly string[])[], output: string): string | undefined {
  const found = output
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.stringify(filled(Object.values(JSON.parse(line)))))
  let at = 0
  for (const row of expected) {
    const next = found.indexOf(JSON.stringify(row), at)
    if (next === -1) return `no row ${JSON.stringify(row).slice(0, 100)} behind row ${at} of ${found.length}`
    at = next + 1
  }
  return undefined
}

async function imageFault(
  { width, height, pixels }: Extract<Expected, { kind: 'image' }>,
  output: Buffer,
): Promise<string | undefined> {
  const made = await sharp(output).metadata()
  if (made.width !== width || made.height !== height)
    return `${made.width} by ${made.height}, not ${width} by ${height}`
  const sample = await sampleOf(output)
  const difference =
    pixels.reduce((sum, value, index) => sum + Math.abs(value - (sample[index] ?? 0)), 0) / pixels.length
  return difference > MAX_PIXEL_DIFFERENCE ? `its pixels differ by ${difference.toFixed(0)} of 255` : undefined
}

function filesFault(expected: readonly ExpectedFile[], found: readonly ProcessedFile[]): string | undefined {
  if (expected.length !== found.length) return `${found.length} files, not ${expected.length}`
  for (const [index, { filename, bytes }] of expected.entries()) {
    const file = found[index]
    if (!file?.stored.equals(bytes)) return `file ${index + 1} has other bytes`
    if (filename !== undefined && file.filename !== filename) return `file ${index + 1} is named ${file.filename}`
  }
  return undefined
}
