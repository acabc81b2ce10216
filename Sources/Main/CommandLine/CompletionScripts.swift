/// The scripts that connect a shell's completion with `opsbus __complete`.
enum CompletionScripts {
    static let shells = ["bash", "zsh", "fish"]

    static func script(for shell: String) -> String {
        switch shell {
        case "zsh": zsh
        case "fish": fish
        default: bash
        }
    }

    /// Names may hold colons and equals signs, at which bash breaks words; the words are therefore taken from the
    /// whole line, and what bash has already of the last word is cut from the answers.
    private static let bash = """
        # opsbus completion for bash; load it with: source <(opsbus completions bash)
        _opsbus() {
            local line=${COMP_LINE:0:COMP_POINT} words last broken
            read -ra words <<< "$line"
            [[ $line == *[[:space:]] ]] && words+=("")
            last=${words[${#words[@]}-1]}
            broken=${last%"${COMP_WORDS[COMP_CWORD]}"}
            local IFS=$'\\n'
            COMPREPLY=($(opsbus __complete -- "${words[@]:1}" 2>/dev/null))
            [[ ${COMP_WORDS[COMP_CWORD]} == [=:] ]] && broken=$last
            COMPREPLY=("${COMPREPLY[@]#"$broken"}")
        }
        complete -o default -F _opsbus opsbus

        """

    private static let zsh = """
        #compdef opsbus
        # opsbus completion for zsh; load it with: source <(opsbus completions zsh)
        _opsbus() {
            local -a candidates
            candidates=("${(@f)$(opsbus __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
            if [[ -n ${candidates[1]} ]]; then
                compadd -Q -- "${candidates[@]}"
            else
                _files
            fi
        }
        compdef _opsbus opsbus

        """

    private static let fish = """
        # opsbus completion for fish; load it with: opsbus completions fish | source
        function __opsbus_complete
            set -l words (commandline -opc) (commandline -ct)
            opsbus __complete -- $words[2..-1] 2>/dev/null
        end
        complete -c opsbus -a '(__opsbus_complete)'

        """
}
