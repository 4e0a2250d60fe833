import { UsageError } from '../errors.ts'

/** The option `--metadata NAME=VALUE` of a command. */
export const METADATA_VALUE = 'NAME=VALUE'

/** Returns the name and the value of a pair. @throws UsageError */
export function pairOf(text: string): { name: string; value: string } {
  const at = text.indexOf('=')
  if (at < 1 || at === text.length - 1) throw new UsageError(`--metadata must be NAME=VALUE, not '${text}'.`)
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}

/** Returns all pairs, or undefined without any. @throws UsageError */
export function metadataOf(texts: readonly string[] = []): Record<string, string> | undefined {
  const pairs = texts.map(pairOf)
  const names = pairs.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw new UsageError(`--metadata has the name '${twice}' twice.`)
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs.map(({ name, value }) => [name, value]))
}
