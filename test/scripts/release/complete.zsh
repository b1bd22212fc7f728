# zsh -f complete.zsh FOLDER TYPED: prints what zsh offers for the last word of TYPED with the functions in FOLDER. Fails with what
# else it says meanwhile, as an error within a completion does not fail anything.
zmodload zsh/zpty

zpty shell zsh -f -i
zpty -w shell "
  PROMPT= RPROMPT= fpath=(${(q)1} \$fpath)
  autoload -Uz compinit && compinit -u -d ${(q)1}/.zcompdump
  # What completion adds to the list is printed; what it only asks for is answered as ever.
  compadd() {
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
      builtin compadd \"\$@\"
      return
    fi
    local -a offers
    builtin compadd -A offers \"\$@\"
    (( \$#offers )) && print -rl -- OFFER\${^offers}
    builtin compadd \"\$@\"
  }
  offer-and-exit() { print; print BEGUN; _main_complete; print DONE; exit }
  zle -C offer-and-exit list-choices offer-and-exit
  bindkey '^I' offer-and-exit
  stty -echo
  print READY
"
zpty -r shell output $'*\nREADY*'
zpty -n -w shell "$2"$'\t'

begun=no
while zpty -r shell output; do
  output=${${output%$'\n'}%$'\r'}
  case $begun/$output in
    */BEGUN) begun=yes ;;
    # The line as it is typed.
    no/*) ;;
    yes/OFFER*) print -r -- ${output#OFFER} ;;
    yes/DONE) exit 0 ;;
    *)
      print -ru2 -- "zsh says: $output"
      exit 1
      ;;
  esac
done
print -u2 'zsh ended before it was done'
exit 1
