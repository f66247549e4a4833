/** CALLs about certificates follow one another: what one of them checks must still hold when it acts. */
export const inCertificateLane = { lane: () => "certificates" } as const;
