import { BenchError } from './errors.ts'
import { ratiosOf, type Summary, summarize } from './statistics.ts'
import { formatTable } from './table.ts'

/** A measured figure. Its key contains the unit, because JSON has no units. */
export interface Figure {
  key: string
  /** The label in the table, with the unit. */
  label: string
  /** Digits after the decimal point in the table. */
  digits: number
}

export interface Contender {
  name: string
  /** One line that says what it does. A ratio means nothing without that. */
  does: string
}

/** The results of a benchmark, before they are summarized. */
export interface Measurements {
  /** The entry's name. */
  name: string
  /** One line that says what was done. */
  title: string
  figures: readonly Figure[]
  contenders: ReadonlyArray<Contender & { samples: Samples }>
  /** Pairs of contenders that are compared: the first over the second. */
  comparisons: ReadonlyArray<readonly [string, string]>
  versions: Readonly<Record<string, string>>
  /** One line with the conclusion, if the figures answer a question. */
  verdict?: string
}

/** Samples by the figure's key: one for each round, or one for the whole run. */
export type Samples = Readonly<Record<string, readonly number[]>>

/** The output of `--json` for an entry. */
export interface Report {
  name: string
  /** By contender, then by figure. */
  figures: Record<string, Record<string, Summary>>
  /** By pair, as `headgate/tutorial`, then by figure. */
  ratios: Record<string, Record<string, Summary>>
  versions: Record<string, string>
  verdict?: string
}

/** @throws BenchError if a contender has no samples of a figure */
export function toReport(measurements: Measurements): Report {
  const { name, figures, contenders, comparisons, versions } = measurements
  const byFigure = (samples: (key: string) => readonly number[]) =>
    Object.fromEntries(figures.map(({ key }) => [key, summarize(samples(key))]))
  const samplesOf = (contender: string) => (key: string) => {
    const samples = contenders.find(one => one.name === contender)?.samples[key]
    if (!samples) throw new BenchError(`${name}: there are no samples of ${key} for ${contender}.`)
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

/** Returns the report as text. */
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
