import { HeadgateError } from '../../../platform/errors.ts'

/** A request that must not be redirected, because its client or its URL is not trusted. The message is shown on a page. */
export class PageError extends HeadgateError {
  readonly code: 'invalid_client' | 'invalid_request' | 'redirect_mismatch' | 'unauthorized_client'

  constructor(code: PageError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** An error response of the authorization endpoint (RFC 6749, 4.1.2.1), which is sent to the redirect URI. */
export class AuthorizationError extends HeadgateError {
  readonly code: 'invalid_request' | 'invalid_scope' | 'login_required' | 'unauthorized_client'
  /** The redirect URI with the error. */
  readonly location: string

  constructor(code: AuthorizationError['code'], message: string, location: (error: AuthorizationError) => string) {
    super(message)
    this.code = code
    this.location = location(this)
  }
}

/** An error response of the token endpoint or the revocation endpoint (RFC 6749, 5.2, and RFC 7009, 2.2.1). */
export class TokenEndpointError extends HeadgateError {
  readonly code:
    | 'invalid_client'
    | 'invalid_grant'
    | 'invalid_request'
    | 'unauthorized_client'
    | 'unsupported_grant_type'
    | 'unsupported_token_type'

  constructor(code: TokenEndpointError['code'], message: string) {
    super(message)
    this.code = code
  }
}
