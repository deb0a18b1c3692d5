import type { HttpResponse } from './http.js'
import { headerValues } from './http.js'

/**
 * Where the next page of a list is: path and query of `Link: <…>; rel="next"`, at the server that answered.
 *
 * @see RFC 8288, OCI distribution-spec 1.1.1 "Listing Tags"
 */
export function nextPage(response: Pick<HttpResponse, 'headers'> & { readonly url: URL }): URL | undefined {
  for (const value of headerValues(response, 'link')) {
    for (const [, target, params] of value.matchAll(/<([^<>]*)>([^<]*)/g)) {
      if (!/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\s*(?:[;,]|$))/i.test(params!)) continue
      if (!URL.canParse(target!, response.url.href)) return undefined
      const { pathname, search } = new URL(target!, response.url)
      return new URL(`${pathname}${search}`, response.url)
    }
  }
  return undefined
}
