import { currentDeadline } from './deadline.ts'
import { HeadgateError } from './errors.ts'

export interface PagesSettings<Page, Marker> {
  /** The operation, for error messages: `ListParts`. */
  operation: string
  /** Fetches the page that begins at the marker, or the first page if the marker is undefined. */
  fetch(marker: Marker | undefined): Promise<Page>
  /** Returns the marker of the page that follows, or undefined for the last page. */
  next(page: Page): Marker | undefined
  /**
   * Returns true if `marker` lies behind `previous`. For markers with an order, such as keys. Opaque tokens have none: for them, a
   * token that was returned before does not advance.
   */
  isAfter?(marker: Marker, previous: Marker): boolean
  /** Marker of the page to begin with. @default the first page */
  from?: Marker | undefined
  /** @default 10,000 */
  maxPages?: number
  /** Ends the listing between two pages. To abort a page in flight, `fetch` has to pass the signal on. */
  signal?: AbortSignal | undefined
}

/** A listing does not end. A retry does not help: the service, or a proxy in front of it, is at fault. */
export class PagesError extends HeadgateError {
  readonly code = 'HEADGATE_PAGES'
}

const MAX_PAGES = 10_000

/**
 * Yields the pages of a listing. It ends by `next` alone, and never waits for a service to stop sending pages: the paginators of
 * the SDK follow a marker even where the service says that the page is the last one.
 *
 * @throws PagesError if a marker does not advance, or if there are more than `maxPages` pages
 * @throws ClientGoneError if the client that the listing is for has disconnected
 * @throws the reason of the signal once it has fired
 */
export async function* pages<Page, Marker>(settings: PagesSettings<Page, Marker>): AsyncGenerator<Page, void> {
  const { operation, fetch, next, isAfter, maxPages = MAX_PAGES, signal } = settings
  const seen = new Set<string>()
  let marker = settings.from
  for (let count = 1; ; count++) {
    signal?.throwIfAborted()
    currentDeadline()?.throwIfAbandoned()
    if (count > maxPages) throw new PagesError(`${operation} returned more than ${maxPages} pages.`)
    const page = await fetch(marker)
    yield page
    const following = next(page)
    if (following === undefined) return
    const text = JSON.stringify(following)
    const advances = isAfter ? marker === undefined || isAfter(following, marker) : !seen.has(text)
    if (!advances)
      throw new PagesError(`${operation} returned a page that does not advance: its next marker is ${text}.`)
    if (!isAfter) seen.add(text)
    marker = following
  }
}

/** Compares keys in the order in which S3 lists them: by their bytes in UTF-8. */
export function isKeyAfter(key: string, previous: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(previous)) > 0
}
