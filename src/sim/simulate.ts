export async function simulateSession(): Promise<number | undefined> {
  return 1;
}
