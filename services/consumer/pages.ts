import { ServicePagesError } from './errors.ts'

/** More pages than a stream of 100,000 shards has, or a table of as many leases. */
const MAX_PAGES = 1_000

/**
 * Yields the pages of a listing whose markers have no order.
 *
 * @param fetch fetches the page of a marker; without a marker, the first page
 * @param next returns the marker of the following page, or undefined for the last page
 * @throws ServicePagesError if a marker is repeated, or if there are more than 1,000 pages
 */
export async function* pages<Page, Marker>(
  operation: string,
  fetch: (marker: Marker | undefined) => Promise<Page>,
  next: (page: Page) => Marker | undefined,
): AsyncGenerator<Page, void> {
  const seen = new Set<string>()
  let marker: Marker | undefined
  for (let count = 0; count < MAX_PAGES; count++) {
    const page = await fetch(marker)
    yield page
    marker = next(page)
    if (marker === undefined) return
    const text = JSON.stringify(marker)
    if (seen.has(text)) throw new ServicePagesError(`${operation} returned the marker ${text} a second time.`)
    seen.add(text)
  }
  throw new ServicePagesError(`${operation} returned more than ${MAX_PAGES} pages.`)
}
