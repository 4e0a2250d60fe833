import { type Verdict, verdicts } from './judge.ts'
import { whyKnown } from './known.ts'
import type { JudgedItem } from './run-corpus.ts'

/** The result of a corpus: its judged items, or the reason why it did not run. */
export type CorpusResult =
  | { readonly corpus: string; readonly items: readonly JudgedItem[] }
  | { readonly corpus: string; readonly skipped: string }

const ACCEPTED: ReadonlySet<Verdict> = new Set(['right', 'refused'])

/** Returns the table of all corpora, and below it every item that is neither right nor rightly rejected. */
export function describe(
  results: readonly CorpusResult[],
  { withRefused = false }: { withRefused?: boolean } = {},
): { text: string; unexplained: number } {
  const header = ['corpus', 'files', ...verdicts]
  const rows = results.map(result =>
    'skipped' in result
      ? [result.corpus, 'skipped']
      : [result.corpus, String(result.items.length), ...verdicts.map(verdict => String(count(result.items, verdict)))],
  )
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => (row[column] ?? '').length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
  const faults = results.flatMap(result => ('skipped' in result ? [] : faultsOf(result.corpus, result.items)))
  const skipped = results.flatMap(result =>
    'skipped' in result ? [`${result.corpus}: skipped, since ${result.skipped}`] : [],
  )
  return {
    text: [
      line(header),
      ...rows.map(line),
      '',
      ...skipped,
      ...(withRefused ? results.flatMap(refusedOf) : []),
      ...faults.map(({ text }) => text),
    ].join('\n'),
    unexplained: faults.filter(({ why }) => why === undefined).length,
  }
}

function refusedOf(result: CorpusResult): string[] {
  if ('skipped' in result) return []
  const refused = result.items.filter(({ verdict }) => verdict === 'refused')
  return refused.map(({ name, detail }) => `${result.corpus} ${name}: refused. ${detail}`).toSorted()
}

function count(items: readonly JudgedItem[], wanted: Verdict): number {
  return items.filter(({ verdict }) => verdict === wanted).length
}

function faultsOf(corpus: string, items: readonly JudgedItem[]): { text: string; why: string | undefined }[] {
  return items
    .filter(({ verdict }) => !ACCEPTED.has(verdict))
    .toSorted((one, other) => one.name.localeCompare(other.name))
    .map(({ name, verdict, detail }) => {
      const why = whyKnown(corpus, name, verdict)
      return { why, text: `${corpus} ${name}: ${verdict}. ${detail}${why === undefined ? '' : ` (known: ${why})`}` }
    })
}
