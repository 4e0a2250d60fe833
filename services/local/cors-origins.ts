import { formats, parseList } from '../platform/config/formats.ts'
import { UsageError } from './errors.ts'

/**
 * Returns the entries of a list of origins.
 *
 * @param name the flag or variable of the list, for the error
 * @throws UsageError
 */
export function originsOf(name: string, list: string): string[] {
  const fault = formats.origins?.(list)
  if (fault !== undefined) throw new UsageError(`${name} ${fault}`)
  return parseList(list)
}
