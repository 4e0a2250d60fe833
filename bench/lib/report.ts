import { BenchError } from './errors.ts'
import { ratiosOf, type Summary, summarize } from './statistics.ts'
import { formatTable } from './table.ts'

/** One thing that is measured. Its key names the unit, since JSON does not. */
export interface Figure {
  key: string
  /** As people read it, with its unit. */
  label: string
  /** Digits after the point, for people. */
  digits: number
}

export interface Contender {
  name: string
  /** What it does for its figures, in a line: without that, a ratio says nothing. */
  does: string
}

/** What came of a benchmark, before it is summarized. */
export interface Measurements {
  /** The entry's name. */
  name: string
  /** What was done, in a line. */
  title: string
  figures: readonly Figure[]
  contenders: ReadonlyArray<Contender & { samples: Samples }>
  /** Who is compared with whom: the first over the second. */
  comparisons: ReadonlyArray<readonly [string, string]>
  versions: Readonly<Record<string, string>>
  /** What follows from the figures, in a line, where they were measured to answer a question. */
  verdict?: string
}

/** By the figure's key: a sample a round, or one for the whole run. */
export type Samples = Readonly<Record<string, readonly number[]>>

/** What `--json` prints of an entry. */
export interface Report {
  name: string
  /** By contender, then by figure. */
  figures: Record<string, Record<string, Summary>>
  /** By pair, as `headgate/tutorial`, then by figure. */
  ratios: Record<string, Record<string, Summary>>
  versions: Record<string, string>
  verdict?: string
}

/** @throws BenchError where a contender has no samples of a figure */
export function toReport(measurements: Measurements): Report {
  const { name, figures, contenders, comparisons, versions } = measurements
  const byFigure = (samples: (key: string) => readonly number[]) =>
    Object.fromEntries(figures.map(({ key }) => [key, summarize(samples(key))]))
  const samplesOf = (contender: string) => (key: string) => {
    const samples = contenders.find(one => one.name === contender)?.samples[key]
    if (!samples) throw new BenchError(`${name}: there are no samples of ${key} of ${contender}.`)
    return samples
  }
  return {
    name,
    figures: Object.fromEntries(contenders.map(contender => [contender.name, byFigure(samplesOf(contender.name))])),
    ratios: Object.fromEntries(
      comparisons.map(([one, other]) => [
        `${one}/${other}`,
        byFigure(key => ratiosOf(samplesOf(one)(key), samplesOf(other)(key))),
      ]),
    ),
    versions: { ...versions },
    ...(measurements.verdict !== undefined && { verdict: measurements.verdict }),
  }
}

/** The same for people. */
export function toText(measurements: Measurements): string {
  const { name, title, figures, contenders, versions, verdict } = measurements
  const report = toReport(measurements)
  const rows = Object.entries(report.figures).map(([contender, summaries]) => [
    contender,
    ...figures.map(({ key, digits }) => formatSummary(summaries[key], digits)),
  ])
  const ratios = Object.entries(report.ratios).map(([pair, summaries]) => [
    pair.replace('/', ' / '),
    ...figures.map(({ key }) => formatSummary(summaries[key], 2)),
  ])
  return [
    `${name}: ${title}`,
    formatTable([['median (min to max)', ...figures.map(({ label }) => label)], ...rows, ...ratios]),
    ...(verdict === undefined ? [] : [verdict]),
    contenders.map(contender => `${contender.name}: ${contender.does}`).join('\n'),
    Object.entries(versions)
      .map(([what, version]) => `${what} ${version}`)
      .join(', '),
  ].join('\n\n')
}

function formatSummary(summary: Summary | undefined, digits: number): string {
  if (!summary) return ''
  const format = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  const { median, min, max, samples } = summary
  return samples === 1 ? format(median) : `${format(median)} (${format(min)} to ${format(max)})`
}
