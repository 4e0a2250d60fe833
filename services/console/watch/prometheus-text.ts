export interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

/** The samples by their name. A metric that is declared and has no sample yet has an empty list under its own name. */
export type Samples = ReadonlyMap<string, readonly Sample[]>

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g
const TYPE = /^# TYPE ([a-zA-Z_:][\w:]*) /

/**
 * Parses a page of metrics in the text format of Prometheus. Lines that are not understood are skipped.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, Sample[]>()
  const listOf = (name: string) => {
    const known = samples.get(name) ?? []
    samples.set(name, known)
    return known
  }
  for (const line of text.split('\n')) {
    const declared = TYPE.exec(line)?.[1]
    if (declared !== undefined) listOf(declared)
    const [, name, labels = '', value = ''] = line.startsWith('#') ? [] : (LINE.exec(line) ?? [])
    if (name === undefined) continue
    listOf(name).push({ labels: labelsOf(labels), value: numberOf(value) })
  }
  return samples
}

function labelsOf(text: string): Record<string, string> {
  const plain = (value: string) => value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
  return Object.fromEntries([...text.matchAll(LABEL)].map(([, name = '', value = '']) => [name, plain(value)]))
}

function numberOf(text: string): number {
  if (/^[+]?Inf$/.test(text)) return Number.POSITIVE_INFINITY
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}
